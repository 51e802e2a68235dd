using Jitvmm.Tests.Guests;
using Microsoft.Playwright;

namespace Jitvmm.Tests.Inspector.Web;

/// <summary>One headless Chromium, the distribution's, for all tests of the page.</summary>
public sealed class Browser : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>A folder for pictures of what the tests see; null for none (<c>JITVMM_SCREENSHOTS</c>).</summary>
    private static readonly string? s_pictures = Environment.GetEnvironmentVariable("JITVMM_SCREENSHOTS");

    public async Task InitializeAsync()
    {
        if (ToolPath.Find("chromium") is not { } path)
        {
            return;
        }

        // What a loaded machine takes longer than five seconds for is not wrong.
        Assertions.SetDefaultExpectTimeout(60_000);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = path, Args = ["--no-sandbox", "--disable-gpu"] });
    }

    public async Task DisposeAsync()
    {
        if (_browser != null)
        {
            await _browser.CloseAsync();
        }

        _playwright?.Dispose();
    }

    /// <summary>A page of a user who was never here. What goes wrong in it is an error of the test.</summary>
    public async Task<IPage> NewPageAsync(ColorScheme scheme = ColorScheme.Light)
    {
        IBrowserContext context = await _browser!.NewContextAsync(new BrowserNewContextOptions { ColorScheme = scheme, ViewportSize = new ViewportSize { Width = 1400, Height = 1000 } });
        IPage page = await context.NewPageAsync();
        page.PageError += (_, error) => throw new InvalidOperationException(error);
        return page;
    }

    /// <summary>Takes a picture, where pictures are wanted.</summary>
    public static async Task PictureAsync(IPage page, string name)
    {
        if (s_pictures != null)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(s_pictures, $"{name}.png"), FullPage = true });
        }
    }
}
