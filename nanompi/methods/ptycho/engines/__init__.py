"""ptycho/engines"""
