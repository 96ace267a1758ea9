"""Allegro (Musaelian et al., Nat. Commun. 14, 579, 2023) in NequIP's framework."""
