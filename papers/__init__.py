"""Documents as bytes: values in, PDF, XLSX or CSV out."""
