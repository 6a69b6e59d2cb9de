@NullMarked
package io.tidegrad.trainer.topology;

import org.jspecify.annotations.NullMarked;
