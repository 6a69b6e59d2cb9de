package io.tidegrad.cli.plot;

/// A plot can't be drawn; the message says all.
public final class PlotException extends RuntimeException {
    PlotException(String message, Throwable cause) {
        super(message, cause);
    }
}
