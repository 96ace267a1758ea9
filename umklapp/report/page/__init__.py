"""The report of a campaign: one html page that needs no network (`umklapp report RESULTS`)."""
