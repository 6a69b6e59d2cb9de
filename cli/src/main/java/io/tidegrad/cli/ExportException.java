package io.tidegrad.cli;

/// An export that can't be written; the message says all.
final class ExportException extends RuntimeException {
    ExportException(String message, Throwable cause) {
        super(message, cause);
    }
}
