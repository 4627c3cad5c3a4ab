"""Money on its way: quote, accept, bill, credit, pay, dispute, distribute, pay out; one function each."""
