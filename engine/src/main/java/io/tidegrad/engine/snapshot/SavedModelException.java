package io.tidegrad.engine.snapshot;

import java.io.IOException;

/// Bytes that are not the whole of a model of this plan; the message says what was expected and what was found.
public final class SavedModelException extends IOException {
    private static final long serialVersionUID = 1;

    SavedModelException(String message) {
        super(message);
    }
}
