"""The command line: parses, configures, prints, exits; how anything is done is the business of others."""
