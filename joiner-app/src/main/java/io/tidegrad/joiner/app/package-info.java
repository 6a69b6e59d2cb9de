/// The process of a joiner: its settings, the streams that it joins, their topics, health and metrics.
@NullMarked
package io.tidegrad.joiner.app;

import org.jspecify.annotations.NullMarked;
