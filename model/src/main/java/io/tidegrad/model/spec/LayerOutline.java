package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Shape;

/// A layer of a network as a reader of the spec wants to see it.
///
/// @param place in the spec's `network`: `[2]` is its third entry, `[0].branches[1][0]` the first of a branch; empty
///     for the features that come before it
/// @param layer as the spec writes it, without what is inside
/// @param output what comes out for one row
/// @param weights that it has, those of layers inside among them
public record LayerOutline(String place, String layer, Shape.Grid output, long weights) {
}
