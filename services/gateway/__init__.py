"""The web gateway for staff: sessions and pages; it owns no business datum."""
