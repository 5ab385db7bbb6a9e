"""What a run says: events, results, warnings, the report and the sheet; prints nothing."""
