package io.tidegrad.trainer.store;

/// How a model is kept in its changelog.
public enum StoreKind {
    /// Commits write the pages that have changed, once a restart would learn again for long enough that they are worth it.
    /// A restart reads the model, and learns again what came after.
    PAGE_LOG("page-log"),
    /// Commits write whole images, each spread over many of them. A restart learns again what came after the newest
    /// one.
    IMAGE_AND_REDO("image-and-redo");

    private final String word;

    StoreKind(String word) {
        this.word = word;
    }

    /// Returns the name in settings, health and logs.
    public String word() {
        return word;
    }
}
