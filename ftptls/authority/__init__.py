"""Makes certificates: for servers, for clients, and a small authority that signs them."""
