package io.tidegrad.control;

import org.jspecify.annotations.Nullable;

/// What the control records so far come to for who follows: whose snapshots, from which epoch on, and what to serve
/// until that epoch has one of its own.
///
/// @param model whose snapshots answer
/// @param epoch the first of it that may be served; 0 when nothing was said
/// @param since when that epoch began, wall clock of who decided it, epoch ms; 0 when nothing was said
/// @param rollback that began this epoch; null when it began from nothing
/// @param deleted nothing of it may be served
public record ControlDirective(String model, int epoch, long since, ControlAction.@Nullable Rollback rollback,
        boolean deleted) {
}
