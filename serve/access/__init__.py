"""Who may do what: keys, tickets, rules for routes and events, limits."""
