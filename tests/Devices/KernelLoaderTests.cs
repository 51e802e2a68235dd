using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Loading;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Devices;

public sealed class KernelLoaderTests : IDisposable
{
    private readonly PhysicalMemory _memory = new();
    private readonly MemoryMap _map = new(32 << 20);

    public KernelLoaderTests() => _map.Populate(_memory);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Formats_are_recognised_from_the_file()
    {
        Assert.Equal(new BootEntry(true, 0x1000200, Rsi: 0x10000), Load(KernelImages.Linux()));
        Assert.Equal(new BootEntry(false, 0x100020, Rax: 0x2badb002, Rbx: 0x10000), Load(KernelImages.Multiboot()));
        Assert.Equal(new BootEntry(false, 0x100040, Rbx: 0x10000), Load(KernelImages.Pvh()));
    }

    /// <summary>32-bit headers around 64-bit code, as kernels built for the 32-bit entry have them.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(62)]
    public void A_file_with_32_bit_headers_may_name_either_processor(byte machine)
    {
        byte[] kernel = KernelImages.Pvh32();
        kernel[18] = machine;
        Assert.Equal(0x100040ul, Load(kernel).Address);
    }

    [Fact]
    public void An_old_entry_point_is_used_when_there_is_no_other()
    {
        byte[] kernel = KernelImages.Linux();
        kernel[0x236] = 0;
        Assert.Equal(new BootEntry(false, 0x1000000, Rsi: 0x10000), Load(kernel));
    }

    /// <summary>iPXE's image has a Linux header, and code for a BIOS only. A 64-bit entry needs no other.</summary>
    [Fact]
    public void An_image_that_starts_in_its_setup_code_says_so()
    {
        byte[] kernel = KernelImages.Linux();
        kernel.AsSpan(0x214, 4).Clear();
        kernel[0x236] = 1;
        _ = Load(kernel);
        kernel[0x236] = 0;
        Assert.Contains("needs a BIOS", Assert.Throws<BootException>(() => Load(kernel)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(17, "this kernel needs")]
    [InlineData(100, "too small for kernel and initrd")]
    public void What_does_not_fit_says_so(int initrdMegabytes, string message)
    {
        byte[] kernel = KernelImages.Linux();
        if (initrdMegabytes == 17)
        {
            kernel[0x263] = 0x40;
        }

        BootException error = Assert.Throws<BootException>(() => KernelLoader.Load(_memory, _map, kernel, new byte[initrdMegabytes << 20], ""));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x8000u, 0x50000u)]
    [InlineData(0x30000u, 0x10000u)]
    public void A_kernel_in_low_memory_gets_its_information_elsewhere(uint address, uint information)
    {
        byte[] kernel = new byte[0x30000];
        KernelImages.Multiboot().CopyTo(kernel, 0);
        KernelImages.MoveMultiboot(kernel, address);
        BootEntry entry = Load(kernel);
        Assert.Equal((address + 0x20, information), (entry.Address, entry.Rbx));
        byte[] text = new byte[6];
        byte[] pointer = new byte[4];
        Assert.True(_memory.Read(entry.Rbx + 16, pointer));
        Assert.True(_memory.Read(BitConverter.ToUInt32(pointer), text));
        Assert.Equal("quiet\0"u8, text);
    }

    [Fact]
    public void A_kernel_that_leaves_no_low_memory_is_refused()
    {
        byte[] kernel = new byte[0x90000];
        KernelImages.Multiboot().CopyTo(kernel, 0);
        KernelImages.MoveMultiboot(kernel, 0x8000);
        Assert.Contains("low memory", Assert.Throws<BootException>(() => Load(kernel)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_command_line_is_refused()
    {
        BootException error = Assert.Throws<BootException>(() => KernelLoader.Load(_memory, _map, KernelImages.Linux(), [], new string('x', 2048)));
        Assert.Contains("2047", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_files_never_fail_otherwise()
    {
        var random = new Random(20);
        byte[][] images = [KernelImages.Linux(), KernelImages.Multiboot(), KernelImages.Pvh()];
        for (int i = 0; i < 3000; i++)
        {
            byte[] file = (byte[])images[i % images.Length].Clone();
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                file[random.Next(Math.Min(file.Length, 0x280))] = (byte)random.Next(256);
            }

            Array.Resize(ref file, random.Next(4) == 0 ? random.Next(file.Length) : file.Length);
            try
            {
                _ = Load(file);
            }
            catch (BootException)
            {
                // One clear line is what a damaged file gets.
            }
        }
    }

    private BootEntry Load(byte[] kernel) => KernelLoader.Load(_memory, _map, kernel, [], "quiet");
}
