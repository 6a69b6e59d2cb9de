package io.tidegrad.control;

import org.jspecify.annotations.Nullable;

/// What the control records so far mean for a scorer: which model it serves, from which epoch on, and with which version
/// that epoch begins.
///
/// @param model the model whose snapshots are served
/// @param epoch the first epoch of the model that may be served; 0 if no record names one
/// @param since when that epoch began, by the clock of the process that decided it, epoch ms; 0 if no record names one
/// @param rollback the rollback that began the epoch; null if none did
/// @param deleted whether no version of the model may be served
public record ControlDirective(String model, int epoch, long since, ControlAction.@Nullable Rollback rollback,
        boolean deleted) {
}
