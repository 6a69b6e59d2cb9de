@NullMarked
package io.tidegrad.trainer.replay;

import org.jspecify.annotations.NullMarked;
