//! A store as lines of JSON, one for each version, and back: for another engine, another format, another machine.
