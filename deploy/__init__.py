"""How the system is run: on one machine (`local`), in containers, in a cluster."""
