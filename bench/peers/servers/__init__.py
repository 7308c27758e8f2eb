"""What runs in the peers' own environments: these files import nothing of this project."""
