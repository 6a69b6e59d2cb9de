@NullMarked
package io.tidegrad.scorerapp.topic;

import org.jspecify.annotations.NullMarked;
