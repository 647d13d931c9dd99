"""From a plan to outcomes: slots, processes, and the conduct of a sweep."""
