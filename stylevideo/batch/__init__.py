"""Many clips on one machine: who makes which, in processes that may die."""
