package io.tidegrad.joiner.join;

/// The bytes of an entry can't be read; the message says which entry, what was expected and what was found.
public final class EntryException extends RuntimeException {
    public EntryException(String message) {
        super(message);
    }
}
