"""What the measured servers serve; each module is imported by its server, inside its own environment."""
