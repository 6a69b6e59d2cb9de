package io.tidegrad.engine.snapshot;

import java.io.IOException;

/// The bytes are not a complete model of this plan. The message says what was expected and what was found.
public final class SavedModelException extends IOException {
    private static final long serialVersionUID = 1;

    SavedModelException(String message) {
        super(message);
    }
}
