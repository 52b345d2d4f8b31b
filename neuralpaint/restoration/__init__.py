"""Restoration: a better target is computed from the picture itself.

inpainting        filling, refinement, patch_mixture, smooth_fill, texture_fill
super-resolution  upsampling, error_filters, still_correction, back_projection, observation,
                  kernel_estimation, jpeg, non_local_means
motion            interpolation, flow, variational

All of them need torch, except `settings`.
"""
