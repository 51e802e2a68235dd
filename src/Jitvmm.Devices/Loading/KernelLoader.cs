using Jitvmm.Devices.Firmware;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Loading;

/// <summary>Puts a kernel into memory, whatever its format, recognised from the file.</summary>
public static class KernelLoader
{
    /// <summary>Loads kernel, initial RAM disk (may be empty) and command line, and writes the tables the entry needs.</summary>
    /// <exception cref="BootException">The format is unknown, or something does not fit.</exception>
    public static BootEntry Load(PhysicalMemory memory, MemoryMap map, ReadOnlySpan<byte> kernel, ReadOnlySpan<byte> initrd, string commandLine)
    {
        var target = new BootMemory(memory, map);
        BootEntry entry;
        if (LinuxKernel.Recognizes(kernel))
        {
            entry = LinuxKernel.Load(target, kernel, initrd, commandLine);
        }
        else if (MultibootKernel.Recognizes(kernel))
        {
            entry = MultibootKernel.Load(target, kernel, initrd, commandLine);
        }
        else if (ElfKernel.Recognizes(kernel))
        {
            entry = ElfKernel.Load(target, kernel, initrd, commandLine);
        }
        else
        {
            throw new BootException(Diagnose(kernel));
        }

        entry.Prepare(memory);
        return entry;
    }

    private static string Diagnose(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
        {
            return "the kernel file is gzip-compressed; unpack it first, or use the bzImage (vmlinuz)";
        }

        return file.StartsWith("MZ"u8)
            ? "the kernel file is an EFI program, not a Linux image, ELF or multiboot kernel"
            : "the kernel file is neither a Linux image (bzImage), nor ELF with a PVH note, nor multiboot";
    }
}
