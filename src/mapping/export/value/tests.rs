//! Readings, evaluated, say what the lens machine says.
