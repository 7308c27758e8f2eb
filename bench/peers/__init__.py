"""Other people's ways to sign somebody in, measured beside ours: real servers on loopback, real HTTP, durable."""
