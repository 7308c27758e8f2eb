"""Pure decisions: events, the state tables, facts, rules, policy."""
