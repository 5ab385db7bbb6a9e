"""One film painted by several machines that have nothing in common but a folder."""
