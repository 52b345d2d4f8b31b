"""Restoration: a better target made from the picture itself.

inpainting        filling, refinement, mixture, smooth_fill
super-resolution  upsampling, matching, back_projection, observation, jpeg, non_local_means
motion            interpolation, flow, variational

All of them need torch, except `settings`.
"""
