package io.tidegrad.model.stream;

/// A record whose headers don't make an example; the message says which header, what was expected and what was found.
public final class ExampleException extends Exception {
    ExampleException(String message) {
        super(message, null, false, false); // without a stack trace: a topic full of them must not cost more
    }
}
