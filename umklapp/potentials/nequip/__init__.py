"""NequIP models: the builder with Hessian–vector products, training, evaluation."""
