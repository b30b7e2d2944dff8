"""TLS: certificates, protected streams, and what binds a data connection to its session."""
