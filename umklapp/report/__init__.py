"""What people read: tables, figures, status, costs, the archive."""
