//! Stock: where it lies, who holds it, what may be sold.
