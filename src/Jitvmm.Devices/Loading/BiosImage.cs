using Jitvmm.Devices.Firmware;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Loading;

/// <summary>
/// A firmware image in place of a kernel: it ends at 4 GiB as ROM, and its last 256 KiB are below 1 MiB too, where the reset vector's first far jump leads.
/// The lower copy is RAM, and so is what it leaves of C0000h to FFFFFh, as the shadow that chipsets let firmware switch on: no bridge has to be programmed before it may be written.
/// </summary>
public static class BiosImage
{
    public const int Unit = 64 * 1024;
    public const int MaximumSize = 16 * 1024 * 1024;

    private const int LowSize = (int)(AddressMap.OneMegabyte - AddressMap.OptionRoms);

    /// <summary>Maps the image; processor 0 then starts at the reset vector.</summary>
    /// <exception cref="BootException">Its size is none that firmware has.</exception>
    public static BootEntry Load(PhysicalMemory memory, ReadOnlySpan<byte> image)
    {
        if (image.IsEmpty || image.Length % Unit != 0 || image.Length > MaximumSize)
        {
            throw new BootException($"a BIOS image has whole multiples of 64 KiB, up to 16 MiB; this has {image.Length} bytes");
        }

        memory.AddRom(AddressMap.FourGigabytes - (ulong)image.Length, image);
        memory.AddRam(AddressMap.OptionRoms, AddressMap.Firmware - AddressMap.OptionRoms);
        ReadOnlySpan<byte> low = image[^Math.Min(image.Length, LowSize)..];
        _ = memory.Write(AddressMap.OneMegabyte - (ulong)low.Length, low);
        return BootEntry.ResetVector;
    }
}
