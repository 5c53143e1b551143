"""What a stack costs a month, by published prices: an estimate, never a quotation."""
