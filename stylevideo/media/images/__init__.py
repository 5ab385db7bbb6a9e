"""Pictures and their files, colours and light."""
