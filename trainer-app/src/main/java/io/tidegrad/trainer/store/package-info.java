@NullMarked
package io.tidegrad.trainer.store;

import org.jspecify.annotations.NullMarked;
