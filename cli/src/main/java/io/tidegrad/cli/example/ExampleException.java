package io.tidegrad.cli.example;

/// An example did not run to its end; the message says all.
public final class ExampleException extends RuntimeException {
    public ExampleException(String message) {
        super(message);
    }
}
