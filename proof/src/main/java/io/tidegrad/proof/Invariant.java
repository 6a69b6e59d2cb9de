package io.tidegrad.proof;

/// The invariants that must always hold. `docs/reliability.md` states each in full and names the tests that are its
/// oracle.
public enum Invariant {
    I1("replay identity"), I2("watermark"), I3("accounting"), I4("event atomicity"), I5("finite"), I6("dead letters"),
    I7("no stall"), I8("bounded memory"), I9("restart"), I10("liveness"), I11("visibility"), I12("content"),
    I13("swap atomicity"), I14("monotonic"), I15("reject"), I16("last good"), I17("assembler bounds"),
    I18("topic to topic"), I19("corruption"), I20("schema"), I21("formats"), I22("spec"), I23("topology"), I24("time"),
    I25("join"), I26("as served");

    private final String title;

    Invariant(String title) {
        this.title = title;
    }

    public String title() {
        return title;
    }
}
