package io.tidegrad.trainer.store;

/// How a model is kept in its changelog.
public enum StoreKind {
    /// Each commit writes the pages that have changed: what is restored is the model.
    PAGE_LOG("page-log"),
    /// Whole images, each spread over many commits; what came after the newest is learned again from the log of record.
    IMAGE_AND_REDO("image-and-redo");

    private final String word;

    StoreKind(String word) {
        this.word = word;
    }

    /// As in settings, health and logs.
    public String word() {
        return word;
    }
}
