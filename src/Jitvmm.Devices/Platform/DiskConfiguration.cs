namespace Jitvmm.Devices.Platform;

/// <summary>What a disk is attached to.</summary>
public enum DiskBus
{
    Virtio,
    Nvme,

    /// <summary>NVMe without MSI-X, as controllers that have only MSI: for drivers that need to be tested so.</summary>
    NvmeMsi,

    /// <summary>A back end of a Xen guest's own driver.</summary>
    Xen,
}

/// <param name="Path">A raw image or block device of the host.</param>
/// <param name="IsReadOnly">The guest cannot write it.</param>
/// <param name="Bus">What it is attached to.</param>
public sealed record DiskConfiguration(string Path, bool IsReadOnly = false, DiskBus Bus = DiskBus.Virtio);
