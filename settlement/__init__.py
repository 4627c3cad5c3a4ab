"""Money on its way: quote, accept, bill, credit, pay, dispute, distribute and pay out, one function an arrow."""
