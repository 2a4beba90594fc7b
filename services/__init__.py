"""The services. Each owns its data; none imports another: they tell each other events."""
