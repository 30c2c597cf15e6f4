"""What a history of clients shows about the broker that served them."""
