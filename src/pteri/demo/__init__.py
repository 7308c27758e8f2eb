"""The demo: a composition root that starts a real server and real phone processes and tells what happens."""
