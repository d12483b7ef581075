"""The campaign: seeded random schedules of the real importer under faults, and a checker that trusts nobody."""
