using Jitvmm.Runtime.Host;

namespace Jitvmm.Tests.Runtime;

public sealed unsafe class HostFaultTests
{
    /// <summary>CoreCLR throws out of its handler, so the kernel never brings the mask back; a process started later would inherit it.</summary>
    [Fact]
    public void A_fault_leaves_the_signal_mask_as_it_was()
    {
        HostFaults.Install();
        ulong[] masks = new ulong[2];
        Thread thread = new(() =>
        {
            byte* block = HostMemory.Reserve(4096);
            HostFaults.RegisterWindow(block, 4096);
            try
            {
                SetMask(1ul << 9);
                masks[0] = Mask();
                Assert.Throws<NullReferenceException>(() => *block = 1);
                masks[1] = Mask();
            }
            finally
            {
                HostFaults.RemoveWindow(block);
                HostMemory.Release(block, 4096);
            }
        });
        thread.Start();
        thread.Join();
        Assert.Equal([1ul << 9, 1ul << 9], masks);
    }

    private static void SetMask(ulong mask) => Assert.Equal(0, HostCalls.Raw(14, 2, (ulong)&mask, 0, 8));

    private static ulong Mask()
    {
        ulong mask = 0;
        _ = HostCalls.Raw(14, 0, 0, (ulong)&mask, 8);
        return mask;
    }
}
